export { archiveLimitsOf, defaultArchiveLimits, unpackedFiles } from './archive.ts'
