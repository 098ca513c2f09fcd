// Tells which part of the map the person looks at, so that a chart in other colours shows the same part: to the
// browser it is a new one, and would begin with all of it.
export default function ({ data, setStateValue }) {
  let chart = null, told = "";
  const tell = (change) => {
    const keys = Object.keys(change || {});
    if (!keys.some((key) => key.startsWith("xaxis") || key.startsWith("yaxis"))) return;
    const whole = keys.some((key) => key.endsWith("autorange"));
    const { xaxis, yaxis } = chart._fullLayout;
    const view = { map: data.map, ...(whole ? {} : { x: [...xaxis.range], y: [...yaxis.range] }) };
    const now = JSON.stringify(view);
    if (now === told) return;
    told = now;
    setStateValue("view", view);
  };
  const look = () => {
    const found = document.querySelector(`.st-key-${data.chart} .js-plotly-plot`);
    if (!found || found === chart || !found.on || !found._fullLayout) return;
    chart = found;
    chart.on("plotly_relayout", tell);
  };
  const timer = setInterval(look, 150);
  look();
  return () => {
    clearInterval(timer);
    if (chart && chart.removeListener) chart.removeListener("plotly_relayout", tell);
  };
}
