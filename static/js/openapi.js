// Starts whichever reader of the API's description this page has loaded.
const reader = document.getElementById("reader");
const url = reader.dataset.description;

// What is tried without a key is sent in the reader's own session, as the other pages send it.
function signed(request) {
  const keyed = request.headers.Authorization || request.headers["X-Api-Key"];
  if (request.method && request.method !== "GET" && !keyed) {
    request.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
  }
  return request;
}

if (window.SwaggerUIBundle) {
  SwaggerUIBundle({
    url, domNode: reader, deepLinking: true, persistAuthorization: false, requestInterceptor: signed,
  });
} else {
  Redoc.init(url, { hideDownloadButton: false, nativeScrollbars: true }, reader);
}
