import { type Examples, inMemoryExamples } from '../../../sdk/index.ts'

/** The lines of one role in one play. */
export interface Role {
  readonly play: string
  readonly name: string
  readonly lines: readonly string[]
}

const speaker = /^\*\*(.+?)\*\*\s*$/

/** The roles of a play in Markdown: names are bold lines, and stage directions are in _italics_ or *italics*. */
export function rolesOf(play: string, markdown: string): readonly Role[] {
  const lines = new Map<string, string[]>()
  let own: string[] | undefined
  /** The mark that ends a stage direction of several lines. */
  let direction: string | undefined
  for (const given of markdown.split('\n')) {
    const line = given.trim()
    const [, name] = speaker.exec(line) ?? []
    if (name !== undefined) {
      own = lines.get(name) ?? []
      lines.set(name, own)
      direction = undefined
    } else if (line.startsWith('#')) {
      own = undefined
      direction = undefined
    } else if (direction !== undefined) {
      if (line.endsWith(direction)) direction = undefined
    } else if (/^[_*]/.test(line)) {
      const mark = line.charAt(0)
      const closed = line.indexOf(mark, 1)
      if (closed < 0) direction = mark
      else if (closed < line.length - 1) own?.push(plain(line))
    } else if (line !== '') own?.push(plain(line))
  }
  return [...lines].map(([name, said]) => ({ play, name, lines: said }))
}

/** A line without the marks of Markdown. */
function plain(line: string): string {
  return line.replace(/[_*\\]/g, '')
}

/** Characters of the plays. The number of a character is its place here, from 1 on; 0 is padding. */
const alphabet = `\n !"$&',-.0123456789:;?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]abcdefghijklmnopqrstuvwxyz—`
const numbers = new Map([...alphabet].map((character, index) => [character, index + 1]))

/** Numbers of characters, with that of padding. */
export const characterCount = numbers.size + 1
/** The class of a step that has no next character. */
export const padding = 0

/** The first 80 % of a role's lines are for training, the others, one at least, for the test, as in the FedAvg paper. */
export function splitLines({ lines }: Role): { readonly training: string; readonly test: string } {
  const cut = lines.length - Math.max(1, Math.floor(lines.length / 5))
  return { training: lines.slice(0, cut).join('\n'), test: lines.slice(cut).join('\n') }
}

/**
 * Texts in sequences of `length` characters, each with its next character as the target. Ends are padded. The column
 * `text` has the number of a sequence's text.
 */
export function sequencesOf(texts: readonly string[], length: number): Examples {
  const counts = texts.map((text) => Math.ceil((text.length - 1) / length))
  const size = counts.reduce((sum, count) => sum + count, 0) * length
  const [features, targets] = [new Uint8Array(size), new Uint8Array(size)]
  let start = 0
  for (const [index, text] of texts.entries()) {
    const codes = Uint8Array.from(text, numberOf)
    features.set(codes.subarray(0, -1), start)
    targets.set(codes.subarray(1), start)
    start += (counts[index] ?? 0) * length
  }
  const text = counts.flatMap((count, index) => Array.from({ length: count }, () => index))
  return inMemoryExamples({
    features,
    targets,
    targetShape: [length],
    shape: [length],
    divisor: 1,
    columns: { text },
  })
}

function numberOf(character: string): number {
  const found = numbers.get(character)
  if (found === undefined) throw new Error(`the alphabet lacks ${JSON.stringify(character)}`)
  return found
}
