/** What a file probably is. Pure; the person may say otherwise. */
import { type Columns, type Kind, LEFT_OUT, type Mapping, type WireMapping } from '../check/messages';

/** @param header of a table */
export function guessKind(name: string, header: readonly string[] = []): Kind {
  if (header.includes('user_id')) return 'users';
  return header.includes('company_id') || /compan/i.test(name) ? 'companies' : 'users';
}

/** The column that the service takes for the id; else one of a person's addresses, else the first one. */
export function guessMapping({ header, types, idColumn }: Columns, kind: Kind): Mapping {
  const companyColumn = kind === 'users' ? header.find((name) => /^company[ _-]?id$/i.test(name)) : undefined;
  const candidates = header.filter((name) => name !== companyColumn && name !== '');
  const likely = idColumn ?? candidates.find((name) => /^e-?mail$/i.test(name)) ?? candidates[0] ?? '';
  return { idColumn: likely, companyColumn, names: [...header], types: [...types] };
}

/** What the service is told of the columns; undefined when it reads the file like that by itself. */
export function writeMapping(
  { header, idColumn: found }: Columns,
  { idColumn, companyColumn, names, types }: Mapping,
): WireMapping | undefined {
  const isMetadata = (name: string) => name !== '' && name !== idColumn && name !== companyColumn;
  const metadata = header.flatMap((name, index) => (isMetadata(name) ? [{ name, index }] : []));
  const rename = metadata
    .filter(({ name, index }) => types[index] !== LEFT_OUT && names[index] && names[index] !== name)
    .map(({ name, index }) => [name, names[index] as string]);
  // A column that is called as the company's and is not to be that can only be left out.
  const isLeftOut = (name: string, index: number) =>
    types[index] === LEFT_OUT || (companyColumn === undefined && /^company[ _-]?id$/i.test(name));
  const skip = metadata.filter(({ name, index }) => isLeftOut(name, index)).map(({ name }) => name);
  const typed = metadata
    .filter(({ index }) => types[index] !== LEFT_OUT && types[index] !== 'string')
    .map(({ name, index }) => [name, types[index]]);
  const mapping: WireMapping = {
    ...(idColumn !== found && { id: idColumn }),
    ...(companyColumn !== undefined && companyColumn !== 'company_id' && { company: companyColumn }),
    ...(rename.length > 0 && { rename: Object.fromEntries(rename) }),
    ...(skip.length > 0 && { skip }),
    ...(typed.length > 0 && { types: Object.fromEntries(typed) }),
  };
  return Object.keys(mapping).length > 0 ? mapping : undefined;
}
