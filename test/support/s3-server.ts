import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type HttpServerProcess, httpServerProcess } from './http-server-process.ts'

export interface S3ServerOptions {
  /** Size of the disk of the objects. Default: that of the machine. */
  readonly diskMiB?: number
}

export const s3Key = { accessKeyId: 'flame-key', secretAccessKey: 'a+secret/with=signs' } as const

/** Folder of the server in which each bucket is a folder, and each object a file. */
const buckets = 'buckets'

export interface S3Server extends HttpServerProcess {
  /** The folder of a bucket. */
  bucketFolder(bucket: string): string
  makeBucket(bucket: string): Promise<void>
}

/** Starts the real S3 server versitygw, over a folder. Buckets are addressed by path, and below `localhost` by host. */
export async function s3Server({ diskMiB }: S3ServerOptions = {}): Promise<S3Server> {
  const server = await httpServerProcess({
    name: 'versitygw',
    health: '/health',
    folders: [`${buckets}/models`, 'metadata'],
    diskMiB,
    arguments: ({ port, folder }) => [
      ...['--port', `127.0.0.1:${port}`, '--health', '/health', '--keep-alive', '--quiet'],
      ...['--virtual-domain', `localhost:${port}`],
      ...['--access', s3Key.accessKeyId, '--secret', s3Key.secretAccessKey],
      ...['posix', '--sidecar', join(folder, 'metadata'), join(folder, buckets)],
    ],
  })
  const bucketFolder = (bucket: string) => join(server.folder, buckets, bucket)
  return { ...server, bucketFolder, makeBucket: async (bucket) => void (await mkdir(bucketFolder(bucket))) }
}
