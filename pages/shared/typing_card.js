// One record at a time, its label under one key. The next records are here already, so that a key shows the
// next one at once; what was answered waits in the queue until the server has it.
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".card");
  const steps = stepQueue(root, data.taken, setStateValue);
  root.typed ??= []; // keys struck while the record they are for is on its way

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children); // strings become text, never HTML
    return element;
  };
  const chip = (name, color) => {
    const element = make("span", "chip", name);
    element.style.borderColor = color;
    element.style.background = color + "26";
    return element;
  };
  const button = (className, name, key, onclick) => {
    const element = make("button", className, name);
    element.type = "button";
    if (key) element.append(make("kbd", "", key.toUpperCase()));
    element.onclick = () => {
      element.blur(); // so that Enter does not press it again
      onclick();
    };
    return element;
  };

  // Back, undo and dots lead to a record only the server knows; labels and skips to one that is here.
  const onward = (step) => step.kind === "label" || step.kind === "skip";
  const waiting = () => !steps.pending.every(onward);
  const current = () => {
    const gone = new Set(steps.pending.filter(onward).map((step) => step.position));
    return data.items.find((item) => !gone.has(item.position));
  };
  const act = (kind, more = {}) => {
    const item = current();
    if (waiting()) {
      root.typed.push([kind, more]);
    } else if (item) {
      steps.push({ kind, position: item.position, ...more });
      draw();
    }
  };
  const label = (id) => act("label", { label: id });

  const side = (item) => {
    const parts = [make("div", "quiet", item.why)];
    if (item.label) {
      parts.push(make("div", "", "labelled ", chip(item.label, item.color), make("span", "quiet", ` ${item.by}`)));
    } else if (item.state === "skipped") {
      parts.push(make("div", "quiet", "skipped before"));
    }
    if (item.guess) {
      const sure = make("span", "", ` ${Math.round(item.guess.sure * 100)} %`);
      parts.push(make("div", "guess", "model says ", chip(item.guess.name, item.guess.color), sure, make("kbd", "", "Enter")));
    }
    for (const [name, value] of item.fields) parts.push(make("div", "quiet", `${name}: ${value}`));
    const link = button("link", "See its neighbours", "", () => setTriggerValue("neighbors", item.row));
    parts.push(make("div", "", link));
    return parts;
  };

  const dots = () => {
    const answered = steps.pending
      .filter(onward)
      .map((step) => {
        const given = data.labels.find((one) => one.id === step.label);
        return { position: step.position, label: given?.name, color: given?.color, state: "skipped" };
      });
    const all = new Map([...data.past, ...answered].map((one) => [one.position, one]));
    return [...all.values()].slice(-10).map((one) => {
      const dot = button(one.label ? "dot" : "dot open", "", "", () => act("go", { to: one.position }));
      dot.append(make("i", ""));
      dot.style.setProperty("--label", one.color ?? data.unlabelled_color);
      dot.title = `${(one.position + 1).toLocaleString("en-US")}: ${one.label ?? one.state}`;
      dot.setAttribute("aria-label", `Go back to ${dot.title}`);
      return dot;
    });
  };

  function draw() {
    const item = current();
    root.classList.toggle("waiting", waiting() || !item);
    const text = make("div", "text", item ? item.text : "One moment …");
    if (item && item.text.length > 900) text.classList.add("dense");
    if (item?.cut) text.append(make("p", "quiet", item.cut));
    const place = make("div", "place");
    if (item) place.append(make("b", "", (item.position + 1).toLocaleString("en-US")));
    if (item) place.append(` of ${data.n.toLocaleString("en-US")}`);
    const keys = make("div", "keys labels");
    for (const one of data.labels) {
      const element = button(one.id === data.none_id ? "plain" : "label", one.name, one.key, () => label(one.id));
      element.style.setProperty("--label", one.color);
      if (item && one.name === item.label) element.classList.add("on");
      if (one.about) element.title = one.about;
      keys.append(element);
    }
    const back = button("", "Back", "b", () => act("back"));
    back.disabled = !item || item.position === 0;
    const ways = make("div", "keys ways", button("", "Skip", "s", () => act("skip")), back);
    const saving = make("span", "saving quiet");
    ways.append(button("", "Undo", "u", () => act("undo")), saving);
    const last = dots();
    const row = make("div", "dots", ...(last.length ? [make("span", "quiet", "the last ones"), ...last] : []));
    const frame = make("div", "frame", text);
    const about = make("div", "side", place, ...(item ? side(item) : []));
    root.replaceChildren(make("div", "top", frame, about), keys, ways, row);
    clearTimeout(root.timer);
    root.timer = setTimeout(() => {
      if (steps.pending.length) saving.textContent = `saving ${steps.pending.length} …`;
    }, 1500);
  }

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, [contenteditable='true']")) return;
    if (document.querySelector("[role='dialog']")) return;
    let key = event.key.toLowerCase();
    if (!event.shiftKey && /^Digit\d$/.test(event.code)) key = event.code[5]; // where digits need Shift
    const one = data.labels.find((candidate) => candidate.key === key);
    const guess = current()?.guess;
    if (one) label(one.id);
    else if (key === "s") act("skip");
    else if (key === "b") act("back");
    else if (key === "u") act("undo");
    else if (key === "enter" && guess && !target.closest?.("button, a")) label(guess.id);
    else return;
    event.preventDefault();
  };
  if (root.onKey) document.removeEventListener("keydown", root.onKey);
  root.onKey = onKey;
  document.addEventListener("keydown", onKey);

  while (root.typed.length && !waiting() && current()) act(...root.typed.shift());
  draw();
  return () => document.removeEventListener("keydown", onKey);
}
