import { readdir, readFile } from 'node:fs/promises'

/** A process of the machine. The start tells the process from a later one of the same number. */
export interface SeenProcess {
  readonly pid: number
  readonly parent: number
  readonly startedAt: string
}

/** All processes below these, at any depth: Linux alone. */
export async function processesBelow(roots: readonly number[]): Promise<readonly SeenProcess[]> {
  const numbers = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const all = (await Promise.all(numbers.map(seen))).filter((one) => one !== undefined)
  const known = new Set(roots)
  const below: SeenProcess[] = []
  for (let before = -1; before !== below.length; ) {
    before = below.length
    for (const one of all) {
      if (!known.has(one.parent) || known.has(one.pid)) continue
      known.add(one.pid)
      below.push(one)
    }
  }
  return below
}

/** Whether the very process still runs. */
export async function stillRuns({ pid, startedAt }: SeenProcess): Promise<boolean> {
  return (await seen(pid))?.startedAt === startedAt
}

async function seen(pid: number): Promise<SeenProcess | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name may hold blanks and parentheses.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [state, parent = ''] = fields
    return state === 'Z' ? undefined : { pid, parent: Number(parent), startedAt: fields[19] ?? '' }
  } catch {
    return undefined
  }
}
