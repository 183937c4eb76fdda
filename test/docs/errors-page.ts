import { readdir } from 'node:fs/promises'
import { basename, dirname, sep } from 'node:path'
import { catalogueStatus } from '../../api/errors.ts'
import { sentence, shown } from './markdown.ts'

const built = new URL('../../', import.meta.url)
const layers = ['runtime', 'sdk', 'actors', 'api', 'flamelet', 'simulations', 'flamectl']

interface Entry {
  readonly message: string
  readonly hint: string
  readonly status?: number
}

interface Table {
  readonly folder: string
  readonly entries: ReadonlyMap<string, Entry>
}

/** docs/errors.md, made from the table of each error function that an `errors.ts`, or one for a part such as `model-errors.ts`, exports. */
export async function errorsPage(): Promise<string> {
  const sections: string[] = []
  for (const layer of layers) {
    sections.push(`## ${layer}`)
    for (const { folder, entries } of await tablesOf(layer)) {
      if (folder !== layer) sections.push(`### ${folder}`)
      sections.push([...entries].map(([code, entry]) => itemOf(code, entry)).join('\n'))
    }
  }
  return `${[
    '# Errors',
    '`npm run docs` writes this page from the table of errors of each layer; a test compares the two. An error has a code, a message and a hint (`code`, `message` and `hint` of a `CodedError`); names in braces stand for the values of the error. A program tests the code alone: messages may change. The API answers with the number in parentheses as HTTP status, and with the code in the field `code` of its problem document.',
    ...sections,
  ].join('\n\n')}\n`
}

/** The tables of a layer, by folder. */
async function tablesOf(layer: string): Promise<readonly Table[]> {
  const names = await readdir(new URL(`${layer}/`, built), { recursive: true })
  const files = names.filter((name) => /^(.*-)?errors\.js$/.test(basename(name))).toSorted()
  const tables: Table[] = []
  for (const file of files) {
    const path = `${layer}/${file.replaceAll(sep, '/')}`
    const exported: Readonly<Record<string, unknown>> = await import(new URL(path, built).href)
    const entries = new Map(Object.values(exported).flatMap(entriesOf))
    if (entries.size > 0) tables.push({ folder: dirname(path), entries })
  }
  return tables
}

/** The rows of an error function's table; none of any other export. */
function entriesOf(exported: unknown): readonly [string, Entry][] {
  const isFactory = typeof exported === 'function' && 'table' in exported
  return isFactory && typeof exported.table === 'object' && exported.table !== null
    ? Object.entries<Entry>({ ...exported.table })
    : []
}

const statuses = new Map(Object.entries(catalogueStatus))

function itemOf(code: string, { message, hint, status = statuses.get(code) }: Entry): string {
  const number = status === undefined ? '' : ` (${status})`
  return `- **${code}**${number}: ${sentence(shown(message))} _To do_: ${sentence(shown(hint))}`
}
