import type { Duplex } from 'node:stream'
import { Arrivals } from '../arrivals.ts'
import { linkError } from '../errors.ts'
import { mostFrameBytes, type Route } from '../frame.ts'

const lengthBytes = 4

/**
 * A route over a pipe between two processes: each frame after its length in four bytes, little-endian. The pipe belongs
 * to the route, and needs no listener besides.
 */
export function pipeRoute(pipe: Duplex): Route {
  const arrivals = new Arrivals(() => pipe.destroy())
  const length = new Uint8Array(lengthBytes)
  let lengthRead = 0
  let frame: Uint8Array<ArrayBuffer> | undefined
  let frameRead = 0
  let fault: Error | undefined

  pipe.on('data', (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length && !arrivals.isOver; )
      at = frame ? readFrame(chunk, at, frame) : readLength(chunk, at)
  })
  // The other end has closed, or its process has ended: this end has nothing more to say.
  pipe.on('end', () => {
    arrivals.lose(cutShort())
    pipe.end()
  })
  pipe.on('error', (error: Error) => {
    fault = error
  })
  pipe.on('close', () => arrivals.lose(fault && linkError('LINK_ROUTE', { found: fault.message }, { cause: fault })))

  function readLength(chunk: Uint8Array, at: number): number {
    length[lengthRead] = chunk[at] ?? 0
    lengthRead += 1
    if (lengthRead < lengthBytes) return at + 1
    lengthRead = 0
    const size = new DataView(length.buffer).getUint32(0, true)
    if (size > mostFrameBytes)
      arrivals.fail(linkError('LINK_ROUTE', { found: `a frame of ${size} bytes was announced` }))
    else if (size === 0) arrivals.heard(new Uint8Array())
    else {
      frame = new Uint8Array(size)
      frameRead = 0
    }
    return at + 1
  }

  function readFrame(chunk: Uint8Array, at: number, into: Uint8Array<ArrayBuffer>): number {
    const part = chunk.subarray(at, at + into.length - frameRead)
    into.set(part, frameRead)
    frameRead += part.length
    if (frameRead === into.length) {
      frame = undefined
      arrivals.heard(into)
    }
    return at + part.length
  }

  function cutShort(): Error | undefined {
    return frame || lengthRead > 0 ? linkError('LINK_ROUTE', { found: 'the pipe ended within a frame' }) : undefined
  }

  return {
    get queuedBytes() {
      return pipe.writableLength
    },
    send(given) {
      if (arrivals.isOver || !pipe.writable) return
      const size = new Uint8Array(lengthBytes)
      new DataView(size.buffer).setUint32(0, given.length, true)
      pipe.cork()
      pipe.write(size)
      pipe.write(given)
      pipe.uncork()
    },
    listen: (listener) => arrivals.listen(listener),
    close() {
      arrivals.close()
      // Frames that were written still leave. An end that doesn't answer would keep the pipe open.
      pipe.end()
      pipe.resume()
    },
  }
}
