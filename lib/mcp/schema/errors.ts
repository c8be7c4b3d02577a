import type { ErrorObject } from 'ajv';
import type { ArgumentError } from '../../errors';

const MAX_ERRORS = 20;
const MAX_MESSAGE_LENGTH = 200;
const MAX_POINTER_LENGTH = 1_024;

/** Ajv's errors for a caller: at most 20, each once, each short. */
export function describe(errors: readonly ErrorObject[]): readonly ArgumentError[] {
  const described = new Map<string, ArgumentError>();
  for (const error of errors.slice(0, MAX_ERRORS)) {
    // What is wrong with the name has been said in an error of its own.
    if (error.keyword === 'propertyNames') continue;
    const complaint = describeOne(error);
    described.set(`${complaint.pointer}\n${complaint.message}`, complaint);
  }
  return [...described.values()];
}

function describeOne(error: ErrorObject): ArgumentError {
  const params = error.params as Readonly<Record<string, unknown>>;
  const at = (property: unknown, message: string): ArgumentError => ({
    pointer: shorten(`${error.instancePath}/${String(property).replaceAll('~', '~0').replaceAll('/', '~1')}`),
    message: abridge(message),
  });
  switch (error.keyword) {
    case 'required':
      return at(params['missingProperty'], 'is required');
    case 'dependencies':
    case 'dependentRequired':
      return at(params['missingProperty'], `is required beside ${JSON.stringify(params['property'])}`);
    case 'additionalProperties':
      return at(params['additionalProperty'], 'is not allowed');
    case 'unevaluatedProperties':
      return at(params['unevaluatedProperty'], 'is not allowed');
  }
  if (error.propertyName !== undefined) return at(error.propertyName, `its name ${messageOf(error, params)}`);
  return {
    pointer: shorten(error.instancePath),
    message: abridge(messageOf(error, params)),
  };
}

function messageOf(error: ErrorObject, params: Readonly<Record<string, unknown>>): string {
  switch (error.keyword) {
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'type':
      return `must be ${String(params['type']).split(',').join(' or ')}`;
    case 'false schema':
      return 'is not allowed';
    default:
      return error.message ?? 'is not valid';
  }
}

/** Where a pointer is too long to be of use, that of the nearest value around it which is not. */
function shorten(pointer: string): string {
  return pointer.length <= MAX_POINTER_LENGTH
    ? pointer
    : pointer.slice(0, pointer.lastIndexOf('/', MAX_POINTER_LENGTH));
}

function abridge(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH - 1)}…`;
}
