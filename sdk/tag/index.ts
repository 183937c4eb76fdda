export { decodeSchema } from './decode-schema.ts'
export { schemaModel } from './schema-model.ts'
