import { policyOf } from '../../lib/calls/policy';
import { resolveConfig } from '../../lib/config/config';
import type { Tool } from '../../lib/mcp/tools/tool';
import type { DescribedTool } from '../../lib/pages/openapi/document';

const config = resolveConfig({ servers: { any: { command: 'any' } } }, {});
const [server] = config.servers;

/** A tool with its policy in a router with default options. */
export function described(tool: Tool): DescribedTool {
  if (!server) throw new Error('there is a server');
  return {
    tool,
    policy: policyOf(tool, server, { access: config.access, cache: config.cache.policy, share: true }),
  };
}
