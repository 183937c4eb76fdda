import { parseArgs } from 'node:util'
import { fuzzDecoders } from './decoders/fuzz-decoders.ts'
import { fuzzFramesFor } from './frames/fuzz-frames.ts'
import { fuzz } from './fuzz.ts'

const [first, ...rest] = process.argv.slice(2)
const print = (text: string) => void process.stdout.write(text)
process.exitCode = (await fuzzed()) ? 0 : 1

function fuzzed(): Promise<boolean> {
  if (first === 'decoders') return fuzzDecoders(rest, print)
  return first === 'frames' ? fuzzFramesFor(rest, print) : fuzzRequests()
}

function fuzzRequests(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      examples: { type: 'string', default: '100' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    },
  })
  const { examples, seed } = values
  return fuzz({ examples: Number(examples), seed: Number(seed), more: positionals, print })
}
