import { flamectlError } from '../errors.ts'

/** The options as commander hands them over. */
export interface RawUpOptions {
  readonly host: string
  readonly port: string
  readonly store: string
  readonly auth?: boolean
  readonly inProcess?: boolean
  readonly keyFile: string
  readonly maxCode: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Bytes of so many MB. OPTION_VALUE unless it's a whole number of them. */
export function codeBytesOf(given: string): number {
  const megabytes = Number(given)
  if (/^\d+$/.test(given) && megabytes >= 1 && megabytes <= 1000) return megabytes * 1024 * 1024
  throw flamectlError('OPTION_VALUE', {
    option: '--max-code',
    expected: 'a whole number from 1 to 1000',
    given: JSON.stringify(given),
  })
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
