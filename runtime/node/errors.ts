import { errorFactory } from '../errors/coded-error.ts'

const nodeErrors = {
  NODE_TLS_FILE: {
    message: 'the file {file} for TLS cannot be read: {found}',
    hint: 'check the paths that were given for certificate, key and authorities, and that this account may read the files',
  },
  NODE_TLS_PAIR: {
    message: 'the certificate in {cert} and the private key in {key} cannot serve TLS: {found}',
    hint: 'give a certificate, with those of the authorities between, and its private key without a password, both as PEM; replace both files together',
  },
} as const

export const nodeError = errorFactory(nodeErrors)
