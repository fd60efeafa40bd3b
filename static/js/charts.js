/* Stacked bars of usage. The figures stand beside the canvas as JSON: texts to show, and exact integers as texts, which
   are only drawn here, never added up. */
(function () {
  "use strict";

  var root = document.documentElement;
  var status = document.getElementById("status");
  var axis = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });

  /* Between thousands, and before decimals, as the person chose. */
  var marks = root.dataset.marks || ",.";

  function tick(value, ticks, isMoney) {
    return plainTick(value, ticks, isMoney).replace(/[,.]/g, function (mark) { return mark === "," ? marks[0] : marks[1]; });
  }

  /* Ticks of one axis have as many decimals as their distance asks for. */
  function plainTick(value, ticks, isMoney) {
    if (!isMoney) return axis.format(value);
    var step = ticks.length > 1 ? ticks[1].value - ticks[0].value : value;
    if (value >= 10000) return "$" + axis.format(value);
    return "$" + (step >= 1 ? String(value) : value.toFixed(Math.max(2, Math.ceil(-Math.log10(step)))));
  }

  function token(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  /* Other is hatched: a grey would be taken for one of the colours by people who see fewer of them. */
  function hatch(colour, ground) {
    var size = 6;
    var tile = document.createElement("canvas");
    tile.width = tile.height = size;
    var draw = tile.getContext("2d");
    draw.fillStyle = ground;
    draw.fillRect(0, 0, size, size);
    draw.strokeStyle = colour;
    draw.lineWidth = 1.5;
    draw.beginPath();
    draw.moveTo(-1, size + 1);
    draw.lineTo(size + 1, -1);
    draw.moveTo(-1, 1);
    draw.lineTo(1, -1);
    draw.moveTo(size - 1, size + 1);
    draw.lineTo(size + 1, size - 1);
    draw.stroke();
    return draw.createPattern(tile, "repeat");
  }

  function faded(colour) {
    return colour + "8c";
  }

  function fill(swatch, isRunning) {
    if (swatch === "other") {
      return hatch(isRunning ? faded(token("--muted")) : token("--muted"), token("--card-bg"));
    }
    var colour = token("--s" + swatch);
    return isRunning ? faded(colour) : colour;
  }

  function datasets(data) {
    var unit = data.metric === "cost" ? 1e9 : 1;
    return data.series.map(function (one) {
      var whole = fill(one.swatch, false);
      var running = fill(one.swatch, true);
      return {
        label: one.name,
        shown: one.shown,
        data: one.values.map(function (value, place) {
          return data.bars[place].state === "before" && value === "0" ? null : Number(value) / unit;
        }),
        backgroundColor: data.bars.map(function (bar) { return bar.state === "so_far" ? running : whole; }),
        borderColor: token("--card-bg"),
        borderWidth: { top: 1, right: 0, bottom: 0, left: 0 },
        borderSkipped: false
      };
    });
  }

  function titleOf(data, place) {
    var bar = data.bars[place];
    return bar.long + " (" + data.zone + ")" + (bar.state === "so_far" ? ", so far" : "");
  }

  function options(data) {
    var muted = token("--muted");
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      layout: { padding: { top: 6 } },
      interaction: { mode: "index", intersect: false },
      datasets: { bar: { categoryPercentage: 0.86, barPercentage: 0.9, maxBarThickness: 56 } },
      scales: {
        x: {
          stacked: true,
          grid: { display: false },
          border: { color: token("--line") },
          ticks: { color: muted, maxRotation: 0, autoSkip: true, autoSkipPadding: 14 }
        },
        y: {
          stacked: true,
          beginAtZero: true,
          suggestedMax: data.limit ? Number(data.limit.value) / (data.metric === "cost" ? 1e9 : 1) : undefined,
          grid: { color: token("--grid") },
          border: { display: false },
          ticks: {
            color: muted,
            maxTicksLimit: 6,
            precision: data.metric === "cost" ? undefined : 0,
            callback: function (value, place, ticks) { return tick(value, ticks, data.metric === "cost"); }
          }
        }
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          backgroundColor: token("--card-bg"),
          borderColor: token("--line2"),
          borderWidth: 1,
          titleColor: token("--text"),
          bodyColor: token("--text"),
          footerColor: token("--text"),
          padding: 10,
          boxPadding: 4,
          boxWidth: 10,
          boxHeight: 10,
          itemSort: function (one, other) { return other.raw - one.raw; },
          filter: function (item) { return item.raw > 0; },
          callbacks: {
            title: function (items) { return items.length ? titleOf(data, items[0].dataIndex) : ""; },
            label: function (item) { return item.dataset.label + "  " + item.dataset.shown[item.dataIndex]; },
            labelColor: function (item) {
              return { backgroundColor: item.dataset.backgroundColor[item.dataIndex], borderColor: "transparent", borderWidth: 0 };
            },
            footer: function (items) { return items.length ? "Total  " + data.bars[items[0].dataIndex].total : ""; }
          }
        }
      }
    };
  }

  /* A limit as a dashed line with its words. */
  function limitLine(data) {
    return {
      id: "limitLine",
      afterDatasetsDraw: function (chart) {
        if (!data.limit) return;
        var value = Number(data.limit.value) / (data.metric === "cost" ? 1e9 : 1);
        var y = chart.scales.y.getPixelForValue(value);
        var area = chart.chartArea;
        var context = chart.ctx;
        context.save();
        context.strokeStyle = context.fillStyle = token("--danger");
        context.lineWidth = 1.5;
        context.setLineDash([6, 4]);
        context.beginPath();
        context.moveTo(area.left, y);
        context.lineTo(area.right, y);
        context.stroke();
        context.font = "500 12px " + Chart.defaults.font.family;
        context.textAlign = "right";
        context.textBaseline = y < area.top + 18 ? "top" : "bottom";
        context.fillText(data.limit.text, area.right - 4, y + (y < area.top + 18 ? 4 : -3));
        context.restore();
      }
    };
  }

  function draw(box) {
    var source = document.getElementById(box.dataset.chart);
    var canvas = box.querySelector("canvas");
    var data = JSON.parse(source.textContent);
    var at = -1;
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 12;
    var chart = new Chart(canvas, {
      type: "bar",
      data: { labels: data.bars.map(function (bar) { return bar.short; }), datasets: datasets(data) },
      options: options(data),
      plugins: [limitLine(data)]
    });

    function open(place) {
      if (place >= 0 && data.bars[place].url) window.location.href = data.bars[place].url;
    }

    /* The keyboard walks over the bars as the mouse does, and the figures are said. */
    function point(place) {
      at = place;
      var items = place < 0 ? [] : data.series.map(function (one, number) {
        return { datasetIndex: number, index: place };
      }).filter(function (item) { return Number(data.series[item.datasetIndex].values[place]) > 0; });
      chart.setActiveElements(items);
      var bar = place < 0 ? null : chart.getDatasetMeta(0).data[place];
      chart.tooltip.setActiveElements(items, bar ? { x: bar.x, y: bar.y } : { x: 0, y: 0 });
      chart.update("none");
      if (place < 0 || !status) return;
      status.textContent = titleOf(data, place) + ": " + data.bars[place].total + items.map(function (item) {
        var one = data.series[item.datasetIndex];
        return "; " + one.name + " " + one.shown[place];
      }).join("");
    }

    box.addEventListener("keydown", function (event) {
      var last = data.bars.length - 1;
      var next = {
        ArrowLeft: at < 0 ? last : Math.max(0, at - 1),
        ArrowRight: at < 0 ? 0 : Math.min(last, at + 1),
        Home: 0,
        End: last,
        Escape: -1
      }[event.key];
      if (next !== undefined) {
        event.preventDefault();
        point(next);
      } else if (event.key === "Enter") {
        open(at);
      }
    });
    box.addEventListener("blur", function () { if (at >= 0) point(-1); });

    function barUnder(event) {
      var found = chart.getElementsAtEventForMode(event, "index", { intersect: false }, true);
      return found.length ? found[0].index : -1;
    }
    canvas.addEventListener("click", function (event) { open(barUnder(event)); });
    canvas.addEventListener("mousemove", function (event) {
      var place = barUnder(event);
      canvas.classList.toggle("opens", place >= 0 && Boolean(data.bars[place].url));
    });

    new MutationObserver(function () {
      chart.data.datasets = datasets(data);
      chart.options = options(data);
      chart.update("none");
    }).observe(root, { attributes: true, attributeFilter: ["data-bs-theme"] });
  }

  document.querySelectorAll("[data-chart]").forEach(draw);
})();
