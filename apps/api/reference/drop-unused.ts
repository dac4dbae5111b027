/** Leaves out the components that nothing refers to: linters object to them, and generators make types of them. */

type Components = Record<string, Record<string, unknown>>;

/** Changes the OpenAPI document. What was used only by what is dropped goes with it. */
export function dropUnused(document: object): void {
  const { components = {} } = document as { components?: Components };
  const used = referencesOf(document);
  let isChanged = false;
  for (const group of ['schemas', 'examples']) {
    for (const name of Object.keys(components[group] ?? {})) {
      if (used.has(`#/components/${group}/${name}`)) continue;
      delete components[group]?.[name];
      isChanged = true;
    }
  }
  if (isChanged) dropUnused(document);
}

function referencesOf(document: object): Set<string> {
  const found = JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g);
  return new Set([...found].map(([, reference]) => reference ?? ''));
}
