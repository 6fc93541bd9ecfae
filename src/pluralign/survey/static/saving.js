// Says so when an answer could not be saved as it was given; "Save and go on" then sends everything again.
document.body.addEventListener("htmx:afterRequest", function (event) {
  if (!event.detail.successful) {
    var line = document.getElementById("saved");
    line.textContent = line.dataset.failed;
    line.classList.add("error");
  } else {
    document.getElementById("saved").classList.remove("error");
  }
});
