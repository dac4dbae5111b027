/** The types of src/client/api.ts, written from the components of the OpenAPI document. */
import { compile } from 'json-schema-to-typescript';

const NOTICE = '// Generated from docs/openapi.json by npm run docs\n';

/** The container that the tool wants around the definitions. */
const CONTAINER = 'Components';

/**
 * @param document OpenAPI document whose components.schemas are the types
 * @returns TypeScript, in the order and with the names of the components
 */
export async function writeClientTypes(document: object): Promise<string> {
  const text = JSON.stringify(document).replaceAll('#/components/schemas/', '#/$defs/');
  const { schemas } = (JSON.parse(text) as { components: { schemas: object } }).components;
  const types = await compile({ $defs: schemas, additionalProperties: false }, CONTAINER, {
    additionalProperties: false,
    bannerComment: NOTICE,
    enableConstEnums: false,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { printWidth: 110, singleQuote: true, trailingComma: 'all' },
  });
  return types
    .replace(`export interface ${CONTAINER} {}\n`, '')
    .replaceAll(/ \*\n \* This interface was referenced by .*\n \* via the `definition` .*\n/g, '')
    .replaceAll(/^( *)\/\*\*\n *\* (.*)\n *\*\/$/gm, '$1/** $2 */')
    .replaceAll(/^\}\n(?=\S)|;\n(?=\/\*\*)/gm, '$&\n')
    .replaceAll(/\n{3,}/g, '\n\n');
}
