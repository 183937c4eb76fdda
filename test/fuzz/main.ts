import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    examples: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const { examples, seed } = values
const print = (text: string) => void process.stdout.write(text)
const isWell = await fuzz({ examples: Number(examples), seed: Number(seed), more: positionals, print })
process.exitCode = isWell ? 0 : 1
