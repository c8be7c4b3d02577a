import { httpBehaviour } from './support/http-behaviour';
import { inPlainHttp } from './support/hosts';

httpBehaviour(inPlainHttp);
