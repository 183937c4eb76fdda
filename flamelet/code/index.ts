export { keyFolder, type PublicKeyText, trustedKeys } from './keys.ts'
export { signatureFile, signedCode } from './signature.ts'
