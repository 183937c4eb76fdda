export type { ArchiveLimits } from '../records/parts.ts'
export { archiveLimitsOf, defaultArchiveLimits, unpackedFiles } from './archive.ts'
