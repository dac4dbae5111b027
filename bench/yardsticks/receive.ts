/**
 * Yardstick of `accept`: Express 5 as a small service would receive an import. A file is held in memory by multer and each
 * of its lines is parsed; a JSON body goes through express.json. Nothing is stored, and no parsed line is kept.
 */
import express from 'express';
import multer from 'multer';
import { serve } from './serve';

const upload = multer({ storage: multer.memoryStorage() });

const app = express();
// Each of the two lets pass what is not of its content type.
app.post('/v1/users/bulk_identify', upload.single('file'), express.json({ limit: '50mb' }), (req, res) => {
  const rows = req.file === undefined ? req.body.users.length : countRows(req.file.buffer.toString('utf8'));
  res.status(202).json({ rows });
});
serve(app);

function countRows(ndjson: string): number {
  let rows = 0;
  for (const line of ndjson.split('\n')) {
    if (line !== '' && JSON.parse(line).user_id !== undefined) rows++;
  }
  return rows;
}
