import { generateKeyPairSync } from 'node:crypto'
import { publicKeyOf } from '../../../flamelet/code/keys.ts'
import { requireSigned, signatureFile, signedCode } from '../../../flamelet/code/signature.ts'
import { type Decoder, decoder } from './decoder.ts'
import { mutatedBytes } from './mutations.ts'

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const key = `ed25519:${publicKey.export({ format: 'jwk' }).x ?? ''}`
const files = new Map([['trainer/workload.ts', Uint8Array.of(1)]])
const about = { name: 'wards', signedAt: '2026-01-01T00:00:00.000Z', expiresAt: '2027-01-01T00:00:00.000Z' }
const signature = signedCode(files, { name: 'author', publicKey: key, privateKey }, about)

const trust = { flamelet: 'f', keys: [key] }
const now = '2026-06-01T00:00:00.000Z'
/** What a signature says, however it is written. */
const saidBy = (bytes: Uint8Array) => JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)))

export const flameletDecoders: readonly Decoder[] = [
  decoder(
    'code-signature',
    mutatedBytes([signature]),
    (bytes) => {
      requireSigned(new Map([...files, [signatureFile, bytes]]), trust, now)
      if (saidBy(bytes) !== saidBy(signature)) throw new Error('a forged signature was taken')
    },
    /^CODE_(SIGNATURE|SIGNER|EXPIRED)$/,
  ),
  decoder(
    'public-key',
    mutatedBytes([new TextEncoder().encode(key)]),
    (bytes) => void publicKeyOf(new TextDecoder().decode(bytes)),
    /^KEY_INVALID$/,
  ),
]
