import { type FlameletProgress, flameletInWorker } from 'flame-fl/flamelet/browser'
import { madeDigits, side } from './design/code/trainer/made-digits.ts'
import { keptDrawings } from './drawings.ts'

const drawings = await keptDrawings()
const canvas = found('canvas', HTMLCanvasElement)
const pen = canvas.getContext('2d', { willReadFrequently: true })
const label = found('#label', HTMLInputElement)
const token = found('#token', HTMLInputElement)
const log = found('#log', HTMLElement)

/** A page keeps its name, since its tasks and their state belong to that name. */
const name = (localStorage.name ??= `page-${crypto.randomUUID().slice(0, 8)}`)

canvas.width = canvas.height = side
canvas.addEventListener('pointermove', ({ offsetX, offsetY, buttons }) => {
  if (!pen || buttons === 0) return
  const scale = side / canvas.clientWidth
  pen.fillStyle = 'white'
  pen.fillRect(Math.floor(offsetX * scale) - 0.5, Math.floor(offsetY * scale) - 0.5, 2, 2)
})

clicked('#add', async () => {
  if (!pen) return
  const { data } = pen.getImageData(0, 0, side, side)
  // Of red, green, blue and opacity, white strokes need one.
  await drawings.add(
    Number(label.value),
    Array.from({ length: side * side }, (_, pixel) => data[4 * pixel] ?? 0),
  )
  pen.clearRect(0, 0, side, side)
  label.value = String((Number(label.value) + 1) % 10)
  count()
})

clicked('#make', async () => {
  const { features, labels } = madeDigits({ seed: drawings.count + 1, each: 1 })
  for (const [index, made] of labels.entries())
    await drawings.add(made, features.subarray(index * side * side, (index + 1) * side * side))
  count()
})

clicked('#join', async () => {
  found('#join', HTMLButtonElement).disabled = true
  const worker = new Worker(new URL('./flamelet-worker.ts', import.meta.url), { type: 'module' })
  const flamelet = flameletInWorker(worker, {
    token: token.value,
    name,
    realm: 'pages',
    datasets: { drawings: drawings.dataset() },
    onProgress: show,
  })
  clicked('#leave', () => flamelet.leave())
  await flamelet.ended
  write('the flamelet has ended')
})

count()
write(`this page is ${name}`)

function show(progress: FlameletProgress): void {
  switch (progress.type) {
    case 'connection':
      return write(`connection: ${progress.state} ${progress.cause?.message ?? ''}`)
    case 'registered':
      return write(`the server knows this page, as a part of ${progress.compute}; waiting for a task`)
    case 'trained':
      return write(`round ${progress.round}: loss ${progress.metrics.loss?.toFixed(4)} on ${progress.samples} drawings`)
    case 'completed':
      return write(`job ${progress.job} has completed`)
    case 'failed':
    case 'not-hosting':
      return progress.cause && write(`${progress.type}: ${progress.cause.message}`)
  }
}

function count(): void {
  found('#count', HTMLElement).textContent = `${drawings.count} drawings`
}

function write(line: string): void {
  log.textContent += `${line}\n`
}

function clicked(selector: string, handle: () => Promise<void>): void {
  found(selector, HTMLButtonElement).addEventListener('click', () => {
    handle().catch((cause: unknown) => write(String(cause)))
  })
}

function found<Kind extends HTMLElement>(selector: string, kind: new () => Kind): Kind {
  const element = document.querySelector(selector)
  if (element instanceof kind) return element
  throw new Error(`the page has no ${selector}`)
}
