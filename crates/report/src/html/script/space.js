// A plane through the latent space: two sliders, or the pointer on the map of images, choose which decoded image is shown.

for (const source of document.querySelectorAll('script[data-for="space"]')) showSpace(source);

function showSpace(source) {
  const { axes, steps, images } = JSON.parse(source.textContent);
  const side = steps.length;
  const sheet = new Image();
  sheet.src = `data:image/png;base64,${images.png}`;
  const { width, height } = images;
  const large = element("canvas", { class: "decoded", width, height, role: "img", "aria-label": "the decoded image" });
  const map = element("canvas", { class: "sheet", width: side * width, height: side * height, "aria-hidden": "true" });
  const text = element("p", { class: "readout" });
  const at = [Math.floor(side / 2), Math.floor(side / 2)];

  function draw() {
    const [column, row] = [at[0], side - 1 - at[1]];
    tile(large, sheet, images, row * side + column);
    text.textContent = axes.map((name, axis) => `${name} ${steps[at[axis]].toFixed(2)}`).join(", ");
    const paint = () => {
      const ink = map.getContext("2d");
      ink.drawImage(sheet, 0, 0);
      ink.strokeStyle = colour("series-1");
      ink.lineWidth = Math.max(1, width / 14);
      ink.strokeRect(column * width, row * height, width, height);
    };
    if (sheet.complete) paint();
    else sheet.addEventListener("load", paint, { once: true });
  }

  const sliders = axes.map((name, axis) =>
    range(name, { min: 0, max: side - 1, step: 1, value: at[axis] }, (value) => {
      at[axis] = value;
      draw();
    }),
  );
  const follow = (event) => {
    const box = map.getBoundingClientRect();
    const part = (value) => Math.min(Math.max(Math.floor(value * side), 0), side - 1);
    at[0] = part((event.clientX - box.left) / box.width);
    at[1] = side - 1 - part((event.clientY - box.top) / box.height);
    sliders.forEach((slider, axis) => (slider.querySelector("input").value = at[axis]));
    draw();
  };
  map.addEventListener("pointermove", follow);
  map.addEventListener("pointerdown", follow);
  const chosen = element("div", { class: "chosen" }, large, text, element("div", { class: "controls" }, ...sliders));
  takePlace(source, element("div", { class: "space" }, map, chosen));
  draw();
}
