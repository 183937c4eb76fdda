import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/** A certificate and its private key, PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const settings = { keyType: 'ec', algorithm: 'sha256' } as const

/** A new authority, which signs certificates of servers on loopback and of clients. */
export async function certificateAuthority(name: string): Promise<
  Certificate & {
    /** A certificate for localhost and 127.0.0.1, or for another host. */
    readonly server: (host?: string) => Promise<Certificate>
    readonly client: (name: string) => Promise<Certificate>
  }
> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...settings,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  const ca = { cert: made.cert, key: made.private }
  const signed = async (subject: string, extensions: NonNullable<Parameters<typeof generate>[1]>['extensions']) => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: subject }], {
      ...settings,
      ca,
      extensions: [
        { name: 'basicConstraints', cA: false },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        ...(extensions ?? []),
      ],
    })
    return { cert, key }
  }
  return {
    ...ca,
    server: (host = 'localhost') =>
      signed(host, [
        { name: 'extKeyUsage', serverAuth: true },
        {
          name: 'subjectAltName',
          altNames:
            host === 'localhost'
              ? [
                  { type: 2, value: host },
                  { type: 7, ip: '127.0.0.1' },
                ]
              : [{ type: 2, value: host }],
        },
      ]),
    client: (subject) => signed(subject, [{ name: 'extKeyUsage', clientAuth: true }]),
  }
}

/** Writes a certificate and its key into a folder: `cert.pem` and `key.pem`. */
export async function writeCertificate(folder: string, { cert, key }: Certificate) {
  await mkdir(folder, { recursive: true })
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  await writeFile(files.cert, cert)
  await writeFile(files.key, key)
  return files
}
