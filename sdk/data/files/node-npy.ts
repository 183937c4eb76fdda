import { sizeOf } from '../../weights/layout.ts'
import { checkIndex, type Examples } from '../examples.ts'
import { damaged, formatError } from '../formats/errors.ts'
import { checkLabels, checkTargets, divisorOf, type FeatureSettings, labelledExamples } from '../formats/labelled.ts'
import { decodeNpy, decodeNpyHeader, type NdArray, npyHeaderBytes, npyPrefixBytes } from '../formats/npy.ts'
import { bytesOf } from '../formats/number-type.ts'
import { nameOf, readBytes } from './node-file-content.ts'
import { type FileExamples, fileExamples, opening } from './node-file-examples.ts'
import { openPaged, type PagedFile, type PageSettings } from './node-paged-file.ts'

/**
 * Reads labelled examples from two npy files, as `numpy.save` writes them: the first dimension of the features counts the
 * examples. Features keep their type until they are read as float32.
 *
 * @throws DATA_FILE, DATA_CHANGED, DATA_DAMAGED, DATA_TYPE, DATA_LABELS, DATA_VALUE, DATA_DIVISOR
 */
export function readNpy(featuresFile: string | URL, labelsFile: string | URL, settings?: FeatureSettings): Examples {
  const features = readArray(featuresFile)
  const names = { features: nameOf(featuresFile), labels: nameOf(labelsFile) }
  return labelledExamples(features, readArray(labelsFile), names, settings)
}

export interface NpzSettings extends FeatureSettings {
  /** Name of the array of features, such as `x_train`. */
  readonly features: string
  /** Name of the array of labels, such as `y_train`. */
  readonly labels: string
}

/**
 * Reads labelled examples from two arrays of an npz file, as `numpy.savez` and `numpy.savez_compressed` write it.
 *
 * @throws as `readNpy`, and DATA_MEMBER.
 */
export async function readNpz(file: string | URL, settings: NpzSettings): Promise<Examples> {
  // Loaded on demand: most workloads have no zip archive.
  const { decodeNpz } = await import('../formats/npz.ts')
  const { bytes, file: name } = readBytes(file, 'save its arrays as npy files, and open these with openNpy')
  const arrays = decodeNpz(bytes, name, [settings.features, settings.labels])
  const array = (key: string): NdArray => {
    const found = arrays.get(key)
    if (!found) throw formatError('DATA_MEMBER', { file: name, name: key, known: [...arrays.keys()].join(', ') })
    return found
  }
  const names = { features: `${name}/${settings.features}.npy`, labels: `${name}/${settings.labels}.npy` }
  return labelledExamples(array(settings.features), array(settings.labels), names, settings)
}

/**
 * Opens the files that `readNpy` reads. The features stay in the file; the labels are in memory.
 *
 * @throws as `readNpy`, and DATA_ORDER for features in Fortran order; in reading DATA_VALUE, DATA_CHANGED, DATA_FILE,
 *   DATA_CLOSED.
 */
export function openNpy(
  featuresFile: string | URL,
  labelsFile: string | URL,
  settings: FeatureSettings & PageSettings = {},
): FileExamples {
  return opening(openPaged(featuresFile, settings), (pages) => {
    const { file, size } = pages
    const { type, shape, fortranOrder, dataOffset } = decodeNpyHeader(headerOf(pages), file)
    if (fortranOrder && shape.length > 1) throw formatError('DATA_ORDER', { file })
    const expected = dataOffset + sizeOf(shape) * bytesOf(type)
    if (size !== expected) throw damaged(file, Math.min(size, expected), `${expected} bytes in all`, String(size))
    const [count = 0, ...rest] = shape
    const labels = readArray(labelsFile)
    if (settings.targets) checkTargets(labels, count, nameOf(labelsFile))
    else checkLabels(labels, count, nameOf(labelsFile))
    const [, ...targetShape] = labels.shape
    const targetSize = sizeOf(targetShape)
    return fileExamples({
      pages,
      count,
      shape: rest,
      type,
      divisor: divisorOf(type.kind, settings),
      nonFinite: settings.nonFinite ?? 'refuse',
      start: dataOffset,
      strideBytes: sizeOf(rest) * bytesOf(type),
      label: (index) => labels.values[settings.targets ? index * targetSize : index] ?? 0,
      targets: settings.targets
        ? {
            shape: targetShape,
            read(index, out, offset) {
              checkIndex(index, count)
              out.set(labels.values.subarray(index * targetSize, (index + 1) * targetSize), offset)
            },
          }
        : undefined,
    })
  })
}

function headerOf(pages: PagedFile): Uint8Array {
  const prefix = new Uint8Array(Math.min(npyPrefixBytes, pages.size))
  pages.read(0, prefix)
  const header = new Uint8Array(Math.min(npyHeaderBytes(prefix, pages.file), pages.size))
  pages.read(0, header)
  return header
}

function readArray(path: string | URL): NdArray {
  const { bytes, file } = readBytes(path, 'read it with openNpy, which leaves the features in the file')
  return decodeNpy(bytes, file)
}
