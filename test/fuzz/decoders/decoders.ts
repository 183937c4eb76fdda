import { join } from 'node:path'
import { apiDecoders } from './api-decoders.ts'
import { dataDecoders } from './data-decoders.ts'
import type { Decoder } from './decoder.ts'
import { flameletDecoders } from './flamelet-decoders.ts'
import { linkDecoders } from './link-decoders.ts'
import { serverDecoders } from './server-decoders.ts'

/** All decoders of outside input. Decoders of files use this folder. */
export async function decodersIn(folder: string): Promise<readonly Decoder[]> {
  return [
    ...dataDecoders,
    ...linkDecoders,
    ...flameletDecoders,
    ...(await apiDecoders(join(folder, 'keys'))),
    ...serverDecoders(folder),
  ]
}
