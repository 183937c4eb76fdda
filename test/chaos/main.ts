import { parseArgs } from 'node:util'
import { chaos } from './chaos.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    workload: { type: 'string', default: 'examples/mnist' },
    set: { type: 'string', default: 'rounds=4,fraction=0.02' },
    workers: { type: 'string', default: '2' },
  },
})

const report = (line: string) => console.log(line)
const wrong = await chaos({ ...values, kills: Number(values.kills), seed: Number(values.seed), report })
process.exitCode = wrong === 0 ? 0 : 1
