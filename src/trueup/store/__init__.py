"""The bucket: content by digest, numbered records, on a folder, in memory or in a cloud."""
