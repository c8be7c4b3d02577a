import { httpBehaviour } from './support/http-behaviour';
import { inExpress4 } from './support/hosts';

// The router is then made of Express 4's own Router, as in an app that has only Express 4 installed.
jest.mock('express', () => jest.requireActual<object>('express4'));

httpBehaviour(inExpress4);
