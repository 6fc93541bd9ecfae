// Says for a moment that an answer is saved, and until the next one is that it could not be; "Save and go on" then
// sends everything again.
var fading;
document.body.addEventListener("htmx:afterRequest", function (event) {
  var line = document.getElementById("saved");
  clearTimeout(fading);
  line.classList.toggle("error", !event.detail.successful);
  if (event.detail.successful) {
    fading = setTimeout(function () { line.textContent = ""; }, 4000);
  } else {
    line.textContent = line.dataset.failed;
  }
});
