import { existsSync, readFileSync } from 'node:fs'
import test from 'ava'
import { importsFile } from './import-graph.ts'

/** The tours of docs/architecture.md, with the most files that each may have. */
const goals = new Map([
  ['A round of two tiers', 15],
  ['A job over several processes', 15],
  ['POST job', 15],
  ['Kill and resume', 20],
])

interface Stop {
  readonly file: string
  /** The file of the protocol or port by which the tour comes here, where no import leads here. */
  readonly protocol?: string
}

const [, tours = ''] = /^## Reading tours$(.*?)^## /ms.exec(readFileSync('docs/architecture.md', 'utf8')) ?? []

function stopsOf(title: string): readonly Stop[] {
  const [, section = ''] = new RegExp(`^### ${title}[^\n]*$(.*?)(?=^### |$(?![\\s\\S]))`, 'ms').exec(tours) ?? []
  return [...section.matchAll(/^\d+\. `([^`]+)`(?: \(over `([^`]+)`\))?:/gm)].map(([, file = '', protocol]) => ({
    file,
    ...(protocol !== undefined && { protocol }),
  }))
}

/** What keeps a reader from coming to a file from the files before it. */
function faultOf({ file, protocol }: Stop, earlier: readonly string[]): string | undefined {
  for (const path of [file, protocol]) if (path !== undefined && !existsSync(path)) return `${path} is not there`
  if (earlier.length === 0) return undefined
  if (protocol === undefined) {
    const isJoined = earlier.some((other) => importsFile(file, other) || importsFile(other, file))
    return isJoined ? undefined : `no import joins ${file} to an earlier file of the tour`
  }
  const knows = (path: string) => path === protocol || importsFile(path, protocol)
  return knows(file) && earlier.some(knows) ? undefined : `${protocol} does not join ${file} to an earlier file`
}

for (const [title, most] of goals)
  test(`the tour "${title}" leads from file to file, along imports and protocols, in at most ${most} files`, (t) => {
    const stops = stopsOf(title)
    t.true(stops.length > 5 && stops.length <= most, `${stops.length} files`)
    const faults = stops.map((stop, index) =>
      faultOf(
        stop,
        stops.slice(0, index).map(({ file }) => file),
      ),
    )
    t.deepEqual(
      faults.filter((fault) => fault !== undefined),
      [],
    )
  })

test('every tour of docs/architecture.md is walked', (t) => {
  const titles = [...tours.matchAll(/^### ([^:\n]+)/gm)].map(([, title]) => title)
  t.deepEqual(titles, [...goals.keys()])
})
