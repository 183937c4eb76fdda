export { schemaModel } from './schema-model.ts'
