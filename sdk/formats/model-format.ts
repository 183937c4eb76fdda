import { Zip, ZipPassThrough } from 'fflate'
import { npyBeginning } from '../data/formats/npy.ts'
import { describingFiles, modelFileNames } from '../registry/model-files.ts'
import type { OpenedModel } from '../registry/registry.ts'
import { safetensorsBeginning } from '../weights/formats/safetensors.ts'
import { sizeOf } from '../weights/layout.ts'

/** A model as one file, which is made while it's read. */
export interface EncodedModel {
  readonly sizeBytes: number
  /** End of the file's name, without a dot. */
  readonly extension: 'zip' | 'safetensors' | 'npz'
  /** The media type. */
  readonly type: string
  /** The file from its beginning. The model's weights are read as the pieces are taken. */
  readonly pieces: () => AsyncIterable<Uint8Array>
}

/** Zip's first year is 1980. A fixed time, so that the same model gives the same bytes. */
const mtime = '1980-01-01T12:00:00'

/**
 * A model as one file. `tfjs`: a zip with `model.json` and `weights.bin`, which TensorFlow.js loads, and `round.json`;
 * `safetensors` and `npz`: the tensors by the names of the layout, row-major float32, for PyTorch and numpy. The weights
 * of a model pass through once, and are never in memory as a whole.
 *
 * @throws WEIGHTS_NAME for a name that the format can't have.
 */
export function encodeModel(model: OpenedModel, format: 'tfjs' | 'safetensors' | 'npz'): EncodedModel {
  const { layout, weightsBytes } = model
  switch (format) {
    case 'tfjs': {
      const { weightsBytes: _, location: __, ...described } = model
      const files: readonly Member[] = describingFiles(described).map(({ name, bytes }) => ({ name, beginning: bytes }))
      const members = [...files, { name: modelFileNames.weights, contentBytes: 4 * layout.size }]
      return { ...zipped(members, weightsBytes), extension: 'zip', type: 'application/zip' }
    }
    case 'safetensors': {
      const beginning = safetensorsBeginning(layout.tensors)
      async function* pieces(): AsyncGenerator<Uint8Array> {
        yield beginning
        yield* weightsBytes()
      }
      const sizeBytes = beginning.length + 4 * layout.size
      return { sizeBytes, extension: 'safetensors', type: 'application/octet-stream', pieces }
    }
    case 'npz': {
      const members = layout.tensors.map(({ name, shape }) => ({
        name: `${name}.npy`,
        beginning: npyBeginning(shape, 'f4'),
        contentBytes: 4 * sizeOf(shape),
      }))
      return { ...zipped(members, weightsBytes), extension: 'npz', type: 'application/octet-stream' }
    }
  }
}

/** A member of an archive: its beginning, and then the next bytes of the content that all members share. */
interface Member {
  readonly name: string
  readonly beginning?: Uint8Array
  /** Default: 0. */
  readonly contentBytes?: number
}

/** Bytes of zip's records beside the names: before and after a stored member, in the directory, and at the end. */
const zipBytes = { beside: 30 + 16, entry: 46, end: 22 }

/** An archive of stored members, whose check sums follow them. */
function zipped(
  members: readonly Member[],
  content: () => AsyncIterable<Uint8Array>,
): Pick<EncodedModel, 'sizeBytes' | 'pieces'> {
  const sizeBytes = members.reduce((sum, { name, beginning, contentBytes = 0 }) => {
    const nameBytes = new TextEncoder().encode(name).length
    return sum + zipBytes.beside + zipBytes.entry + 2 * nameBytes + (beginning?.length ?? 0) + contentBytes
  }, zipBytes.end)

  async function* pieces(): AsyncGenerator<Uint8Array> {
    let made: Uint8Array[] = []
    const zip = new Zip((error, piece) => {
      if (error) throw error
      made.push(piece)
    })
    const taken = () => {
      const pieces = made
      made = []
      return pieces
    }
    const source = content()[Symbol.asyncIterator]()
    let rest: Uint8Array = new Uint8Array()
    try {
      for (const { name, beginning, contentBytes = 0 } of members) {
        const file = new ZipPassThrough(name)
        file.mtime = mtime
        zip.add(file)
        if (beginning) file.push(beginning)
        for (let left = contentBytes; left > 0; ) {
          if (rest.length === 0) rest = await next(source)
          const piece = rest.subarray(0, left)
          rest = rest.subarray(piece.length)
          left -= piece.length
          file.push(piece)
          yield* taken()
        }
        file.push(new Uint8Array(), true)
        yield* taken()
      }
      // The content may only now find that it has more than it should.
      if (rest.length > 0 || !(await source.next()).done)
        throw new RangeError('an archive has more content than members')
      zip.end()
      yield* taken()
    } finally {
      await source.return?.()
    }
  }
  return { sizeBytes, pieces }
}

/** The next piece, which is not empty. */
async function next(source: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  for (;;) {
    const { done, value } = await source.next()
    if (done) throw new RangeError('an archive has less content than members')
    if (value.length > 0) return value
  }
}
