-- Compressing large rows takes longer than all the rest of taking them in (docs/decisions/0010-speed.md).
ALTER TABLE "staged_rows" ALTER COLUMN "raw" SET STORAGE EXTERNAL;
