import { credentials, storedKey } from './key.js';

const key = storedKey();
const spec = new URL(document.body.dataset.spec, location.href).href;

const ui = window.SwaggerUIBundle({
  url: spec,
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor(request) {
    if (request.loadSpec) Object.assign(request.headers, credentials(key));
    return request;
  },
  // "Try it out" sends the key that this page was opened with.
  onComplete: () => key !== null && ui.preauthorizeApiKey('bearer', key),
});
