export { keyFolder, trustedKeys } from './keys.ts'
export { signatureFile, signedCode } from './signature.ts'
