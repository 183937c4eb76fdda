import { Presets, SingleBar } from 'cli-progress'

/** Shows a download as a bar, on a terminal alone. The content passes through as it is. */
export function withProgress(
  content: ReadableStream<Uint8Array>,
  sizeBytes: number | undefined,
  out: NodeJS.WriteStream,
): ReadableStream<Uint8Array> {
  if (!out.isTTY || sizeBytes === undefined) return content
  const bar = new SingleBar(
    { stream: out, hideCursor: true, gracefulExit: false, format: '{bar} {percentage} % of {megabytes} MB' },
    Presets.shades_classic,
  )
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  process.on('exit', stop)
  bar.start(sizeBytes, 0, { megabytes: (sizeBytes / 1e6).toFixed(1) })
  return content.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bar.increment(chunk.length)
        controller.enqueue(chunk)
      },
      flush: stop,
    }),
  )
}
