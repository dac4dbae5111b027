/**
 * Yardstick of `polls`: Express 5 with its own settings and no middleware, which answers a constant text as JSON. The text
 * is made once, so an answer costs what Express itself costs (routing, entity tag, header) and nothing else.
 */
import express from 'express';
import { serve } from './serve';

const body = process.env.BODY ?? '{}';

const app = express();
app.get('/v1/background_jobs/:jobId', (_req, res) => {
  res.type('json').send(body);
});
serve(app);
