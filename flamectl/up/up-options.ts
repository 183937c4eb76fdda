import { flamectlError } from '../errors.ts'

/** The options as commander hands them over. */
export interface RawUpOptions {
  readonly host: string
  readonly port: string
  readonly store: string
  readonly auth?: boolean
  readonly inProcess?: boolean
  readonly keyFile: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** OPTION_VALUE unless it's a port. */
export function portOf(given: string): number {
  const port = Number(given)
  if (/^\d+$/.test(given) && port < 65_536) return port
  throw flamectlError('OPTION_VALUE', {
    option: '--port',
    expected: 'a whole number from 0 to 65535',
    given: JSON.stringify(given),
  })
}
