"use strict";
// Where an exported folder's pages get their data: from the scripts in data/, which call `infogap.receive`. It answers
// what the server answers, over the traces that are in the folder.

{
  const received = new Map();
  const waiting = new Map();
  const scripts = new Map();

  /** Take the data of one file, as JSON. */
  infogap.receive = (name, json) => {
    received.set(name, JSON.parse(json));
    waiting.get(name)?.();
  };

  const all = () => received.get("run");

  /** Load a file of data/ once. */
  function load(name) {
    if (!scripts.has(name)) {
      const loaded = new Promise((resolve, reject) => {
        waiting.set(name, () => resolve(received.get(name)));
        const script = document.createElement("script");
        script.onerror = () => reject(new Error(`data/${name}.js cannot be read`));
        script.src = `data/${name}.js`;
        document.head.append(script);
      });
      scripts.set(name, loaded);
    }
    return scripts.get(name);
  }

  function row(traceId) {
    const found = all().rows.find((each) => each.trace_id === traceId);
    if (!found) throw new Error(`there is no trace '${traceId}' in these files`);
    return found;
  }

  const chunkOf = (taskId) => load(`traces-${all().chunks[taskId]}`);

  async function trace(traceId) {
    return (await chunkOf(row(traceId).task_id ?? "")).traces[traceId];
  }

  const valuesOf = (name, each) => (all().description.several.includes(name) ? each[name].split(", ") : [each[name]]);

  async function holding(text) {
    const wanted = text.toLowerCase();
    const found = new Set();
    const holds = (each) => (each ?? "").toLowerCase().includes(wanted);
    for (const chunk of new Set(Object.values(all().chunks))) {
      const { tasks, traces } = await load(`traces-${chunk}`);
      for (const [id, each] of Object.entries(traces)) {
        const task = tasks[each.task_id ?? ""];
        if (holds(each.text) || id === text || holds(task?.question) || task?.task_id === text) found.add(id);
      }
    }
    return (each) => found.has(each.trace_id);
  }

  function range(name, text) {
    const [low, high] = text.split("..");
    const ends = [low === "" ? -Infinity : Number(low), high === "" ? Infinity : Number(high)];
    if (high === undefined || ends.some(Number.isNaN))
      throw new Error(`${name} is filtered by a range, 100..500, 100.. or ..500, not '${text}'`);
    return (each) => each[name] !== null && each[name] >= ends[0] && each[name] <= ends[1];
  }

  /** What a list's parameters ask of a trace: a test for each. */
  async function conditions(filter) {
    const { facets, numbers } = all().description;
    const tests = new Map();
    for (const name of new Set(filter.keys())) {
      const values = filter.getAll(name);
      const facet = facets.find((each) => each.name === name);
      if (facet) {
        const unknown = values.find((value) => !facet.values.includes(value));
        if (unknown !== undefined) throw new Error(`no trace in these files has the ${name} '${unknown}'`);
        tests.set(name, (each) => valuesOf(name, each).some((value) => values.includes(value)));
      } else if (Object.hasOwn(numbers, name)) tests.set(name, range(name, values.at(-1)));
      else if (name === "task") tests.set(name, (each) => each.task_id === values.at(-1));
      else if (name === "search") {
        if (values.at(-1).trim()) tests.set(name, await holding(values.at(-1).trim()));
      } else if (name !== "sort") throw new Error(`traces cannot be filtered by '${name}'`);
    }
    return tests;
  }

  /** Compare two rows by a column, as the server does: values in their facet's order, missing numbers last. */
  function comparison(sort) {
    const name = sort.replace(/^-/, "");
    const sign = sort.startsWith("-") ? -1 : 1;
    const { facets, numbers, sorts } = all().description;
    if (!sorts.includes(name)) throw new Error(`traces cannot be sorted by '${name}'`);
    if (name === "task") return null;
    if (Object.hasOwn(numbers, name)) {
      return (one, other) => (one[name] === null) - (other[name] === null) || sign * (one[name] - other[name]) || 0;
    }
    const places = new Map(facets.find((facet) => facet.name === name).values.map((value, place) => [value, place]));
    const key = (each) => valuesOf(name, each).map((value) => places.get(value));
    return (one, other) => {
      const [first, second] = [key(one), key(other)];
      for (let place = 0; place < Math.min(first.length, second.length); place += 1) {
        if (first[place] !== second[place]) return sign * (first[place] - second[place]);
      }
      return sign * (first.length - second.length);
    };
  }

  async function matches(filter) {
    const tests = [...(await conditions(filter))];
    const rows = all().rows.filter((each) => tests.every(([, test]) => test(each)));
    const sort = filter.get("sort") ?? "task";
    const compare = comparison(sort);
    if (compare) rows.sort(compare);
    else if (sort.startsWith("-")) rows.reverse();
    return { rows, tests };
  }

  function counts(tests) {
    const found = {};
    for (const { name, values } of all().description.facets) {
      const others = tests.filter(([of]) => of !== name);
      const number = new Map(values.map((value) => [value, 0]));
      for (const each of all().rows) {
        if (others.every(([, test]) => test(each)))
          for (const value of valuesOf(name, each)) number.set(value, number.get(value) + 1);
      }
      found[name] = [...number.values()];
    }
    return found;
  }

  const place = (each) => (each ? { trace_id: each.trace_id, task_id: each.task_id } : null);

  infogap.data = {
    run: async () => all().description,
    stages: async () => ({ missing: [], stale: [] }),
    traces: async (filter, page) => {
      const { rows, tests } = await matches(filter);
      const size = all().description.page;
      const tasks = new Set(rows.map((each) => each.task_id)).size;
      return {
        total: rows.length,
        tasks,
        page,
        counts: counts(tests),
        rows: rows.slice((page - 1) * size, page * size),
      };
    },
    neighbours: async (filter, traceId) => {
      const { rows } = await matches(filter);
      const here = rows.findIndex((each) => each.trace_id === traceId);
      if (here < 0) return { before: null, after: null, place: null, total: rows.length };
      return { before: place(rows[here - 1]), after: place(rows[here + 1]), place: here + 1, total: rows.length };
    },
    task: async (taskId) => {
      const traces = all().rows.filter((each) => (each.task_id ?? "") === taskId);
      if (!traces.length) throw new Error(`there is no task '${taskId}' in these files`);
      return { task: (await chunkOf(taskId)).tasks[taskId], traces };
    },
    taskOf: async (traceId) => row(traceId).task_id ?? "",
    trace,
    difference: async (traceId) => {
      const { difference } = await trace(traceId);
      if (!difference) throw new Error("One of these texts is not in these files: it leaks what only its teacher saw.");
      return difference;
    },
  };
}
