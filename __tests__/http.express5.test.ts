import { httpBehaviour } from './support/http-behaviour';
import { inExpress5 } from './support/hosts';

httpBehaviour(inExpress5);
