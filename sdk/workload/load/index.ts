export { bundler } from './bundler.ts'
