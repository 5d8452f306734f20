// Starts whichever reader of the API's description this page has loaded.
const reader = document.getElementById("reader");
const url = reader.dataset.description;

if (window.SwaggerUIBundle) {
  SwaggerUIBundle({ url, domNode: reader, deepLinking: true, persistAuthorization: false });
} else {
  Redoc.init(url, { hideDownloadButton: false, nativeScrollbars: true }, reader);
}
