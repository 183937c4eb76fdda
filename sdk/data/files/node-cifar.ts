import type { Examples } from '../examples.ts'
import { type CifarVariant, cifarLabel, cifarOrder, cifarRecord, cifarShape, decodeCifar } from '../formats/cifar.ts'
import { join } from '../in-memory-examples.ts'
import { readBytes } from './node-file-content.ts'
import { type FileExamples, fileExamples, opening } from './node-file-examples.ts'
import { openPaged, type PageSettings } from './node-paged-file.ts'

/**
 * Reads labelled examples of shape [32, 32, 3] from the binary files of CIFAR-10 or CIFAR-100, in the order of the
 * files.
 *
 * @throws DATA_FILE, DATA_DAMAGED with the offset and the expected content.
 */
export function readCifar(variant: CifarVariant, files: readonly (string | URL)[]): Examples {
  return decodeCifar(
    variant,
    files.map((file) => readBytes(file, 'read it with openCifar, which leaves the images in the file')),
  )
}

/**
 * Opens the files that `readCifar` reads. Images and labels stay in the files. @throws as `readCifar`, also in reading;
 * DATA_CLOSED
 */
export function openCifar(
  variant: CifarVariant,
  files: readonly (string | URL)[],
  settings?: PageSettings,
): FileExamples {
  const opened: FileExamples[] = []
  const close = () => opened.forEach((set) => set[Symbol.dispose]())
  try {
    for (const file of files) opened.push(openFile(variant, file, settings))
    return { ...join(opened), [Symbol.dispose]: close }
  } catch (error) {
    close()
    throw error
  }
}

function openFile(variant: CifarVariant, path: string | URL, settings?: PageSettings): FileExamples {
  return opening(openPaged(path, settings), (pages) => {
    const record = cifarRecord(variant, pages.size, pages.file)
    const byte = new Uint8Array(1)
    return fileExamples({
      pages,
      count: pages.size / record.bytes,
      shape: cifarShape,
      type: { kind: 'u1', bigEndian: false },
      divisor: 255,
      start: record.imageAt,
      strideBytes: record.bytes,
      order: cifarOrder,
      label(index) {
        const offset = index * record.bytes + record.labelAt
        pages.read(offset, byte)
        return cifarLabel(byte[0] ?? 0, record, pages.file, offset)
      },
    })
  })
}
