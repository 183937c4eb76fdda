import { type BrowserFlamelet, flameletInWorker, type WorkerFlameletOptions } from 'flame-fl/flamelet/browser'

/** Runs in a page: the page's view of its flamelet, for tests. */
const seen: string[] = []
let hear = () => {}
let flamelet: BrowserFlamelet | undefined
let turns = 0
const held: (() => void)[] = []

/** Joins. What the flamelet tells of itself is in `news`. */
export function join(options: WorkerFlameletOptions): void {
  const worker = new Worker('/worker.js', { type: 'module' })
  flamelet = flameletInWorker(worker, {
    ...options,
    onProgress(progress) {
      const words = Object.entries(progress).map(([name, value]) =>
        name === 'cause'
          ? (Object(value).coded?.code ?? Object(value).message)
          : name === 'metrics'
            ? ''
            : String(value),
      )
      note(words.join(' ').trim())
    },
  })
  flamelet.ended.then(
    () => note('ended'),
    (cause: unknown) => note(`ended ${String(Object(cause).code)}`),
  )
  setInterval(() => (turns += 1), 5)
}

export function news(): readonly string[] {
  return seen
}

/** Resolves when the flamelet has told a line with this text. */
export async function told(text: string): Promise<void> {
  while (!seen.some((line) => line.includes(text))) await new Promise<void>((heard) => (hear = heard))
}

function note(line: string): void {
  seen.push(line)
  hear()
}

/** Turns of the page's own event loop. */
export function ownTurns(): number {
  return turns
}

/** Holds up the trainings of a round and of all later ones, in each worker of this browser, until it is called without a number. */
export async function hold(fromRound?: number): Promise<void> {
  for (const release of held.splice(0)) release()
  if (fromRound === undefined) return
  for (let round = fromRound; round < fromRound + 10; round++)
    await new Promise<void>((taken) => {
      void navigator.locks.request(`training ${round}`, () => {
        taken()
        return new Promise<void>((release) => held.push(release))
      })
    })
}

export async function leave(): Promise<void> {
  await flamelet?.leave()
}
