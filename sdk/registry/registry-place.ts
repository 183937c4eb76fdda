import { registryError } from './errors.ts'
import { s3Address } from './s3/s3-address.ts'

/** Where a person wants models to be. */
export type RegistryPlace =
  | { readonly sort: 'files'; readonly folder: string }
  | { readonly sort: 'memory' }
  /** A server, which may be away. The address has no credentials. */
  | { readonly sort: 'mlflow' | 's3'; readonly address: string }

const forms = 'files:FOLDER, memory:, mlflow:http://HOST:PORT, or s3://BUCKET/PREFIX?endpoint=URL'

/** Reads the address of a registry. @throws REGISTRY_ADDRESS with the known forms. The message has no credentials. */
export function registryPlace(address: string): RegistryPlace {
  const [, sort = '', rest = ''] = /^(files|memory|mlflow|s3):(.*)$/s.exec(address) ?? []
  switch (sort) {
    case 'files':
      if (rest === '') throw fault('it names no folder')
      return { sort, folder: rest }
    case 'memory':
      if (rest !== '') throw fault('memory: stands alone')
      return { sort }
    case 'mlflow': {
      const url = URL.canParse(rest) ? new URL(rest) : undefined
      if (!url || !/^https?:$/.test(url.protocol)) throw fault('mlflow: is not followed by http:// or https://')
      if (url.username || url.password)
        throw fault('it has credentials, which come from the environment or from a file')
      return { sort, address }
    }
    case 's3':
      s3Address(address)
      return { sort, address }
    default:
      throw fault('it begins with no known form')
  }
}

function fault(found: string): Error {
  return registryError('REGISTRY_ADDRESS', { found, form: forms })
}

/**
 * The address that a job file of Flame means by its registry: `mlflow` and `s3` with a URI. Undefined for `local`,
 * `dummy` and the like, which leave the models with the server.
 */
export function addressOf({ sort, uri }: { readonly sort: string; readonly uri: string }): string | undefined {
  if (sort === 'mlflow') return `mlflow:${uri}`
  return sort === 's3' ? uri : undefined
}
