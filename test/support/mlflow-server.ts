import { type HttpServerProcess, httpServerProcess } from './http-server-process.ts'

export interface MlflowServerOptions {
  /** Whether the server asks for a user and a password: those of `mlflowUser`. */
  readonly asksForUser?: boolean
  /** Size of the disk of database and artifacts. Default: that of the machine. */
  readonly diskMiB?: number
}

export const mlflowUser = { username: 'admin', password: 'long enough: 1%' } as const

/** Starts the real MLflow, with a database and artifacts of its own. */
export async function mlflowServer({
  asksForUser = false,
  diskMiB,
}: MlflowServerOptions = {}): Promise<HttpServerProcess> {
  return httpServerProcess({
    name: 'mlflow',
    health: '/health',
    environment: {
      MLFLOW_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: 'true',
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      ...(asksForUser && {
        MLFLOW_AUTH_ADMIN_PASSWORD: mlflowUser.password,
        MLFLOW_FLASK_SERVER_SECRET_KEY: 'a key for tests alone',
      }),
    },
    folders: [],
    diskMiB,
    arguments: ({ port, folder }) => [
      ...['server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1', '--serve-artifacts'],
      ...['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', `${folder}/artifacts`],
      ...(asksForUser ? ['--app-name', 'basic-auth'] : []),
    ],
  })
}
