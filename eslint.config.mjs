import tseslint from 'typescript-eslint';
import tsdoc from 'eslint-plugin-tsdoc';

export default tseslint.config(
  {
    ignores: [
      'bench/.build/',
      'dist/',
      'assets/',
      'coverage/',
      'node_modules/',
      '**/*.js',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.d.ts',
    ],
  },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { tsdoc },
    rules: {
      'tsdoc/syntax': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true }],
      // A number in a template is as readable without String().
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => this.close()` reads better than a body in braces.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Private fields and methods are `#private`.
      'no-restricted-syntax': ['error', { selector: 'TSEnumDeclaration', message: 'Use a union of strings.' }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true, named: true, defaultFrom: true } }],
      eqeqeq: 'error',
      // A leading underscore says that a parameter is there for its place alone.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  {
    // In the library nothing may be switched off by a comment.
    files: ['lib/**'],
    linterOptions: { noInlineConfig: true },
  },
  {
    files: ['__tests__/**', 'bench/**', 'examples/**'],
    rules: {
      // Matchers such as expect.any() are `any` by their types.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      // Responses of supertest have bodies of any type.
      '@typescript-eslint/no-unsafe-argument': 'off',
      // Low-level Server and SSE of the SDK are deprecated for applications, and just what a test server needs.
      '@typescript-eslint/no-deprecated': 'off',
      // A generator or an async function without await stands in for a callback that may be one.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    // Loaded late, or only if it is there, in the form that bundlers follow.
    files: ['lib/network/request.ts', 'lib/telemetry/tracing.ts'],
    rules: {
      '@typescript-eslint/no-require-imports': ['error', { allow: ['^undici/index\\.js$', '^@opentelemetry/api$'] }],
    },
  },
  {
    // SSE is deprecated in MCP, and still what some servers speak.
    files: ['lib/mcp/transport.ts'],
    rules: { '@typescript-eslint/no-deprecated': 'off' },
  },
);
