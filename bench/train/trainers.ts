import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { TrainerCommand } from './trainer-process.ts'

const project = new URL('../../../', import.meta.url)
const built = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const source = (path: string) => fileURLToPath(new URL(path, project))

/** The engine with plain products, and with fused ones. */
export const ownTrainers: readonly TrainerCommand[] = [
  { name: 'own', command: process.execPath, args: [built('./own-trainer.js'), 'plain'] },
  { name: 'fused', command: process.execPath, args: [built('./own-trainer.js'), 'fused'] },
]

/** PyTorch on one thread, where `npm run peers` has installed it. */
export const torchTrainer: TrainerCommand | undefined = where('.peers/torch', {
  name: 'torch',
  command: source('.peers/torch/bin/python'),
  args: [source('bench/peers/train_torch.py'), '--serve', '--threads', '1'],
})

/** TensorFlow.js on one thread: the WebAssembly backend, and the native backend where `npm run native` has built it. */
export const tensorFlowTrainers: readonly TrainerCommand[] = [
  { name: 'tfjs-wasm', command: process.execPath, args: [built('../peers/train-tfjs.js'), 'wasm'] },
  where('.native/built.json', {
    name: 'tfjs-node',
    command: process.execPath,
    args: [built('../peers/train-tfjs.js'), 'node'],
    environment: { TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '2' },
  }),
].filter((trainer) => trainer !== undefined)

function where(needed: string, trainer: TrainerCommand): TrainerCommand | undefined {
  return existsSync(source(needed)) ? trainer : undefined
}
